"""The CDK application as `app.py` is, but without what runs in the cloud alone: for the CDK tool, against the emulated AWS."""

from __future__ import annotations

from app import build_app

if __name__ == "__main__":
    build_app(wheels=False).synth()
