"""Prepares the data of the diagnosis task: one form for every source, see `cohort.py`."""

from pathlib import Path

from sweeper.task import Prepared, digest_of, file_digest, prepare_once
from sweeper_tasks.diagnosis.config import DiagnosisConfig
from sweeper_tasks.diagnosis.data_config import BreastCancer, CsvData, SyntheticCohort

NOT_PREPARED = {"name", "cache_dir", "preset", "path", "files", "requires_calibration", "has_noise"}
"""Keys of the section that change nothing in what is prepared."""


def prepare(config: DiagnosisConfig, cache_dir: Path) -> Prepared:
    """The prepared data of `config.data`, out of the cache where the same were prepared before.

    Raises UserError with all that is wrong with them.
    """
    match config.data:
        case SyntheticCohort():
            return _synthetic(config.data, cache_dir)
        case BreastCancer():
            return _breast_cancer(config.data, cache_dir)
        case CsvData():
            return _table(config.data, cache_dir)


# The sources are imported where they are used: the parent starts at once, and pandas takes its time.


def _synthetic(data: SyntheticCohort, cache_dir: Path) -> Prepared:
    from sweeper_tasks.diagnosis import cohort, synthetic_cohort

    key = digest_of("diagnosis/synthetic_cohort", synthetic_cohort.GENERATOR, _options(data))
    return prepare_once(cache_dir, key, lambda folder: cohort.build(synthetic_cohort.draw(data), folder))


def _breast_cancer(data: BreastCancer, cache_dir: Path) -> Prepared:
    from sweeper_tasks.diagnosis import breast_cancer, cohort

    key = digest_of("diagnosis/breast_cancer", breast_cancer.VERSION, _options(data))
    return prepare_once(cache_dir, key, lambda folder: cohort.build(breast_cancer.load(data), folder))


def _table(data: CsvData, cache_dir: Path) -> Prepared:
    from sweeper_tasks.diagnosis import cohort, table
    from sweeper_tasks.tables.reading import VERSION

    files = table.locate(data)
    content = [part for role, path in files.items() for part in (role, file_digest(path, cache_dir))]
    key = digest_of("diagnosis/csv", table.VERSION, VERSION, _options(data), *content)
    return prepare_once(cache_dir, key, lambda folder: cohort.build(table.read(data, files), folder))


def _options(data: SyntheticCohort | BreastCancer | CsvData) -> str:
    return data.model_dump_json(exclude=NOT_PREPARED)
