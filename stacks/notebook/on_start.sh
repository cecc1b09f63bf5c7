#!/bin/bash
# Each time that the instance starts, as root: the walk-through, a Python for it, and what stops the instance when nobody works on it.
# A script may take five minutes (page API_CreateNotebookInstanceLifecycleConfig), so Python and its libraries come in the background.
set -euo pipefail
export AWS_DEFAULT_REGION=@REGION@
own=/home/ec2-user/SageMaker/card-fraud
mkdir -p /opt/card-fraud "$own"
aws s3 cp --only-show-errors "@CODE@" /opt/card-fraud/code.zip
aws s3 cp --only-show-errors "@LIBRARIES@" /opt/card-fraud/libraries.zip
unzip -qo /opt/card-fraud/code.zip -d /opt/card-fraud/code
unzip -qo /opt/card-fraud/libraries.zip -d /opt/card-fraud/wheels
# the archive's files are root's own, and what reads them is not root
chmod -R a+rX /opt/card-fraud
# what a person has changed in the walk-through stays
cp -n /opt/card-fraud/code/synthetic-fraud.ipynb "$own/" || true
chown -R ec2-user:ec2-user "$own"
cat > /opt/card-fraud/kernel.sh <<'KERNEL'
set -euo pipefail
env=/home/ec2-user/SageMaker/.card-fraud-python
# a file made last says that it is whole
if [ ! -f $env/.whole ]; then
  rm -rf $env
  /home/ec2-user/anaconda3/bin/conda create --yes --quiet --override-channels --channel conda-forge --prefix $env python=3.12 pip
  touch $env/.whole
fi
$env/bin/python -m pip install --quiet --no-index --no-deps /opt/card-fraud/wheels/*.whl
echo /opt/card-fraud/code > $env/lib/python3.12/site-packages/card-fraud.pth
$env/bin/python -m ipykernel install --user --name python3 --display-name "Card fraud"
KERNEL
sudo -H -u ec2-user nohup bash /opt/card-fraud/kernel.sh > /var/log/card-fraud-kernel.log 2>&1 &
# no cron: Amazon Linux 2023 comes without one, and nothing would say so
systemd-run --unit=card-fraud-idle --on-active=5min --on-unit-active=5min --setenv=AWS_DEFAULT_REGION=@REGION@ \
  --setenv=PATH=/usr/local/bin:/usr/bin:/bin /usr/bin/python3 /opt/card-fraud/code/stop_when_idle.py @MINUTES@
