"""Episodes as a dataset of LeRobot, version 3.0: a folder of parquet files, and JSON files that describe them."""

from robotmeta.adaptation.lerobot.reader import read_dataset
from robotmeta.adaptation.lerobot.writer import DatasetWriter

__all__ = ["DatasetWriter", "read_dataset"]
