// Compiles the Python sources below a folder, each into the `__pycache__` beside it: `node bytecode.mjs FOLDER MOUNTED VERSION`.
//
// MOUNTED is where the folder is when it is run, VERSION the Python that runs it, as 3.13. What goes wrong is said on the standard
// error, a line each; the exit status is then 1.
import { loadPyodide } from "pyodide";

const COMPILE = `
import py_compile
import sys
import warnings
from pathlib import Path

def compile_all(folder, version):
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if own != version:
        return f"the pyodide of package.json is Python {own}, and this runs on {version}: pin a pyodide of that version"
    warnings.simplefilter("ignore")  # of libraries' texts, which are not ours to change
    # What is shipped stays as it is: no import has to compare a source with its bytecode.
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    wrong = []
    for source in sorted(Path(folder).rglob("*.py")):
        try:
            py_compile.compile(source, doraise=True, invalidation_mode=unchecked)
        except py_compile.PyCompileError as error:
            wrong.append(f"{source} does not compile: {error.exc_value}")
    return "\\n".join(wrong)

compile_all
`;

const [folder, mounted, version] = process.argv.slice(2);
// Nothing of this machine's environment, and one seed for hashes: the bytes are the same each time and everywhere.
const python = await loadPyodide({ env: { PYTHONHASHSEED: "0" } });
python.FS.mkdirTree(mounted);
python.mountNodeFS(mounted, folder);
const wrong = python.runPython(COMPILE)(mounted, version);
if (wrong) {
  console.error(wrong);
  process.exit(1);
}
