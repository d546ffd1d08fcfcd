"""Turn the ARFF file of the pysubgroup package into the two committed CSV files (run once).

Needs `pip install pysubgroup==0.9.0`. The values stay as they are, but `personal_status` is split in two, so that sex
is a column of its own, `class` becomes `bad` (1 or 0), and each row gets a number. Every fifth row goes to final.csv.
"""

import csv
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

ARFF = "data/credit-g.arff"


def read_arff(path: Path) -> pd.DataFrame:
    """The table in an ARFF file whose values need no escapes."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("%")]
    start = next(index for index, line in enumerate(lines) if line.lower().startswith("@data"))
    names = [line.split()[1] for line in lines[:start] if line.lower().startswith("@attribute")]
    return pd.DataFrame(csv.reader(lines[start + 1 :], quotechar="'"), columns=names)


def main() -> None:
    """Write data/credit.csv (800 applicants) and data/final.csv (200)."""
    found = find_spec("pysubgroup")
    if found is None or found.origin is None:
        sys.exit("pysubgroup is not installed: pip install pysubgroup==0.9.0")
    table = read_arff(Path(found.origin).parent / ARFF)
    sex, status = table.pop("personal_status").str.split(" ", n=1, expand=True).to_numpy().T
    bad = (table.pop("class") == "bad").astype(int)
    table.insert(0, "row", range(1, len(table) + 1))
    table["sex"], table["marital_status"], table["bad"] = sex, status, bad
    folder = Path(__file__).parent.parent / "data"
    final = table["row"] % 5 == 0
    for name, part in {"credit": table[~final], "final": table[final]}.items():
        part.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        print(f"{name}.csv: {len(part)} applicants, {part['bad'].mean():.1%} bad")


if __name__ == "__main__":
    main()
