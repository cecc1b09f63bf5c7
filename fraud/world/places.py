"""Where cards live and merchants stand: fifty metropolitan areas, each with its city and some made-up towns around it."""

from __future__ import annotations

from typing import NamedTuple


class Metro(NamedTuple):
    """A metropolitan area: its city, state, first three digits of the zip code, centre in degrees, inhabitants."""

    city: str
    state: str
    zip3: str
    lat: float
    long: float
    population: int


METROS: tuple[Metro, ...] = (
    Metro("New York", "NY", "100", 40.7128, -74.0060, 8_336_000),
    Metro("Los Angeles", "CA", "900", 34.0522, -118.2437, 3_822_000),
    Metro("Chicago", "IL", "606", 41.8781, -87.6298, 2_665_000),
    Metro("Houston", "TX", "770", 29.7604, -95.3698, 2_303_000),
    Metro("Phoenix", "AZ", "850", 33.4484, -112.0740, 1_644_000),
    Metro("Philadelphia", "PA", "191", 39.9526, -75.1652, 1_567_000),
    Metro("San Antonio", "TX", "782", 29.4241, -98.4936, 1_472_000),
    Metro("San Diego", "CA", "921", 32.7157, -117.1611, 1_381_000),
    Metro("Dallas", "TX", "752", 32.7767, -96.7970, 1_299_000),
    Metro("Jacksonville", "FL", "322", 30.3322, -81.6557, 971_000),
    Metro("Columbus", "OH", "432", 39.9612, -82.9988, 908_000),
    Metro("Indianapolis", "IN", "462", 39.7684, -86.1581, 880_000),
    Metro("Charlotte", "NC", "282", 35.2271, -80.8431, 897_000),
    Metro("Seattle", "WA", "981", 47.6062, -122.3321, 749_000),
    Metro("Denver", "CO", "802", 39.7392, -104.9903, 713_000),
    Metro("Washington", "DC", "200", 38.9072, -77.0369, 671_000),
    Metro("Boston", "MA", "021", 42.3601, -71.0589, 650_000),
    Metro("Nashville", "TN", "372", 36.1627, -86.7816, 683_000),
    Metro("Oklahoma City", "OK", "731", 35.4676, -97.5164, 694_000),
    Metro("Las Vegas", "NV", "891", 36.1699, -115.1398, 656_000),
    Metro("Portland", "OR", "972", 45.5152, -122.6784, 635_000),
    Metro("Louisville", "KY", "402", 38.2527, -85.7585, 624_000),
    Metro("Memphis", "TN", "381", 35.1495, -90.0490, 621_000),
    Metro("Milwaukee", "WI", "532", 43.0389, -87.9065, 563_000),
    Metro("Baltimore", "MD", "212", 39.2904, -76.6122, 569_000),
    Metro("Albuquerque", "NM", "871", 35.0844, -106.6504, 561_000),
    Metro("Fresno", "CA", "937", 36.7378, -119.7871, 545_000),
    Metro("Kansas City", "MO", "641", 39.0997, -94.5786, 509_000),
    Metro("Atlanta", "GA", "303", 33.7490, -84.3880, 499_000),
    Metro("Omaha", "NE", "681", 41.2565, -95.9345, 485_000),
    Metro("Miami", "FL", "331", 25.7617, -80.1918, 449_000),
    Metro("Minneapolis", "MN", "554", 44.9778, -93.2650, 425_000),
    Metro("Tampa", "FL", "336", 27.9506, -82.4572, 398_000),
    Metro("New Orleans", "LA", "701", 29.9511, -90.0715, 369_000),
    Metro("Wichita", "KS", "672", 37.6872, -97.3301, 396_000),
    Metro("Cleveland", "OH", "441", 41.4993, -81.6944, 361_000),
    Metro("Honolulu", "HI", "968", 21.3069, -157.8583, 343_000),
    Metro("Cincinnati", "OH", "452", 39.1031, -84.5120, 309_000),
    Metro("St. Louis", "MO", "631", 38.6270, -90.1994, 286_000),
    Metro("Pittsburgh", "PA", "152", 40.4406, -79.9959, 302_000),
    Metro("Anchorage", "AK", "995", 61.2181, -149.9003, 287_000),
    Metro("Buffalo", "NY", "142", 42.8864, -78.8784, 276_000),
    Metro("Boise", "ID", "837", 43.6150, -116.2023, 236_000),
    Metro("Richmond", "VA", "232", 37.5407, -77.4360, 229_000),
    Metro("Des Moines", "IA", "503", 41.5868, -93.6250, 211_000),
    Metro("Birmingham", "AL", "352", 33.5186, -86.8104, 197_000),
    Metro("Salt Lake City", "UT", "841", 40.7608, -111.8910, 204_000),
    Metro("Little Rock", "AR", "722", 34.7465, -92.2896, 202_000),
    Metro("Sioux Falls", "SD", "571", 43.5446, -96.7311, 202_000),
    Metro("Jackson", "MS", "392", 32.2988, -90.1848, 146_000),
)
