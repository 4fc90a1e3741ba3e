"""Readers of datasets, by the name that `prepare.reader` gives: the folder in, the pairs and the problems out."""

from collections.abc import Callable
from pathlib import Path

from components.data.dataset import Dataset
from components.data.readers.camvid import read_camvid
from components.data.readers.cityscapes import read_cityscapes
from components.data.readers.labelled_folders import read_labelled_folders
from components.data.readers.paired_folders import read_paired_folders

READERS: dict[str, Callable[[Path], tuple[Dataset, list[str]]]] = {
    "camvid": read_camvid,
    "cityscapes": read_cityscapes,
    "labelled_folders": read_labelled_folders,
    "paired_folders": read_paired_folders,
}
