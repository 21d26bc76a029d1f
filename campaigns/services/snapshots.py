"""What was known of a campaign's customers on the day of its launch, kept as a file: what whom-to-write-to is learned from.

Features change, and some of them because of the mail; so they are put aside before the first one goes out. The files hold
keys of customers and figures, neither names nor addresses, and are read together with the recipients that still exist: who
was erased is in no answer at once, and out of the file with the next ``tidy_snapshots``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.utils import timezone

from core import bulk
from core.models import JobState
from customers import selectors as customers
from tenants.scoping import current_tenant

from ..models import Campaign, Measurement, Recipient

BLOCK = 10_000
KEPT_DAYS = 730  # after the final measurement: older offers and older customers teach little
KEY, RISK, LEFT = "customer", "risk", "left"
_FEATURES, _OUTCOMES = "features.parquet", "outcomes.parquet"
_NOT_FEATURES = ("id", "label")
_OUTCOME_COLUMNS = pa.schema([(KEY, pa.int64()), (LEFT, pa.float64())])
_TREATED = ("a", "b")


def keep(campaign: Campaign) -> int:
    """Put aside the features of the campaign's recipients as they are now; returns of how many. Said twice, the file is
    written anew. To be called when all recipients are written and before the first mail goes."""
    path = _path(campaign, _FEATURES)
    if not Recipient.objects.filter(campaign=campaign, arm=Recipient.Arm.HOLDOUT).exists():
        return 0  # nobody was left alone: there is nothing to learn from
    count = 0
    with _written_whole(path) as target:
        writer: pq.ParquetWriter | None = None
        try:
            for frame in _feature_blocks(campaign):
                if writer is None:
                    schema = _schema_of(frame)
                    writer = pq.ParquetWriter(target, schema, compression="zstd")
                writer.write_table(_table_of(frame, schema))
                count += len(frame)
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            raise FileNotFoundError("a campaign without recipients has no features")
    return count


def keep_outcomes(campaign: Campaign, blocks: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """Put aside who left (customer int64 [n], left float64 [n] with NaN), as the final measurement read it: outcomes are
    read once, and what is learned is learned from these."""
    if not _path(campaign, _FEATURES).exists():
        return  # there is nothing to learn from
    with _written_whole(_path(campaign, _OUTCOMES)) as target, pq.ParquetWriter(target, _OUTCOME_COLUMNS) as writer:
        for keys, left in blocks:
            writer.write_table(pa.table([pa.array(keys), pa.array(left)], schema=_OUTCOME_COLUMNS))


def is_kept(campaign: Campaign) -> bool:
    """Whether features and outcomes are there to learn from."""
    return _path(campaign, _FEATURES).exists() and _path(campaign, _OUTCOMES).exists()


def read(campaign: Campaign, *, most: int | None = None, seed: int = 0) -> pd.DataFrame | None:
    """Features at the launch of the recipients that still exist, with ``customer`` (key), ``treated`` (bool, by
    the lot), ``left`` (NaN: nobody knows) and ``propensity``; None where nothing is kept.

    ``most``: a sample of so many at most. Those left alone are few, so up to half of it is theirs; ``propensity`` is then
    the chance of being treated among those that were taken.
    """
    path = _path(campaign, _FEATURES)
    if not path.exists():
        return None
    people = _people(campaign, most, seed)
    parts = [part for part in _parts_of(path, people[KEY].to_numpy()) if len(part)]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({KEY: np.empty(0, dtype="int64")})
    frame = frame.merge(people, on=KEY, how="inner")
    outcomes = _path(campaign, _OUTCOMES)
    if outcomes.exists():
        known = pq.read_table(outcomes).to_pandas()
        return frame.merge(known, on=KEY, how="left")
    return frame.assign(**{LEFT: np.nan})


def tidy_snapshots(*, days: int = KEPT_DAYS) -> tuple[int, int]:
    """Remove files of campaigns that were measured more than ``days`` ago, and from the others everybody who was erased.
    Returns (campaigns forgotten, files written anew). For the company in scope; once a day is enough."""
    forgotten = rewritten = 0
    if not _folder().exists():
        return 0, 0
    for path in sorted(_folder().glob(f"*/{_FEATURES}")):
        campaign = Campaign.objects.filter(public_id=path.parent.name).first()
        if campaign is None or _is_old(campaign, days):
            forget(path.parent)
            forgotten += 1
            continue
        rewritten += _drop_gone(campaign, path)
    return forgotten, rewritten


def forget(folder: Path) -> None:
    for name in (_FEATURES, _OUTCOMES):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


# ---------------------------------------------------------------- files


def _folder() -> Path:
    return settings.PRIVATE_ROOT / str(current_tenant().pk) / "campaigns"


def _path(campaign: Campaign, name: str) -> Path:
    return _folder() / str(campaign.public_id) / name


@contextlib.contextmanager
def _written_whole(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the file's place once all is written."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = path.with_suffix(".new")
    try:
        yield target
        target.replace(path)
    finally:
        target.unlink(missing_ok=True)


def _schema_of(frame: pd.DataFrame) -> pa.Schema:
    """Numbers as numbers, all else as texts: the same for every block, whatever a block's own cells look like."""
    kinds = [
        (name, pa.int64() if name == KEY else pa.float64() if frame[name].dtype.kind in "fiu" else pa.string())
        for name in frame.columns
    ]
    return pa.schema(kinds)


def _table_of(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    frame = frame.reindex(columns=schema.names)
    texts = [name for name in schema.names if pa.types.is_string(schema.field(name).type)]
    frame = frame.assign(**{name: frame[name].astype(object).where(frame[name].notna(), None) for name in texts})
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False, safe=False)


def _parts_of(path: Path, keys: np.ndarray) -> Iterator[pd.DataFrame]:
    """The rows of these customers (int64, ascending), block by block."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=50_000):
            part = batch.to_pandas()
            yield part[np.isin(part[KEY].to_numpy(), keys, assume_unique=True)]


def _is_old(campaign: Campaign, days: int) -> bool:
    before = timezone.now() - timedelta(days=days)
    final = Measurement.objects.filter(campaign=campaign, is_final=True, state=JobState.SUCCEEDED)
    measured_long_ago = final.filter(finished_at__lt=before).exists()
    return measured_long_ago or (
        campaign.launched_at is not None and campaign.launched_at < before - timedelta(days=365)
    )


def _drop_gone(campaign: Campaign, path: Path) -> int:
    """Write the files anew without those who are no recipients any more; 1 where there were any."""
    here = _people(campaign, None, 0)[KEY].to_numpy()
    with pq.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    if rows == len(here):
        return 0
    with _written_whole(path) as target, pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for part in _parts_of(path, here):
            writer.write_table(_table_of(part, schema))
    outcomes = _path(campaign, _OUTCOMES)
    if outcomes.exists():
        known = pq.read_table(outcomes).to_pandas()
        kept = known[np.isin(known[KEY].to_numpy(), here)]
        keep_outcomes(campaign, [(kept[KEY].to_numpy(dtype="int64"), kept[LEFT].to_numpy(dtype="float64"))])
    return 1


# ---------------------------------------------------------------- rows


def _feature_blocks(campaign: Campaign) -> Iterator[pd.DataFrame]:
    risks: dict[int, float] = {}
    for frame in customers.picked_frames(_key_blocks(campaign, risks)):
        known = frame["id"].map(risks).astype("float64")
        risks.clear()
        features = frame.drop(columns=list(_NOT_FEATURES))
        features.insert(0, KEY, frame["id"])
        yield features.assign(**{RISK: known})


def _key_blocks(campaign: Campaign, risks: dict[int, float]) -> Iterator[np.ndarray]:
    """Keys of the campaign's customers, ascending; ``risks`` gets each one's risk at the launch."""
    rows = Recipient.objects.filter(campaign=campaign).order_by("customer_id")
    after = 0
    while True:
        block = bulk.read_numbers(rows.filter(customer_id__gt=after).values_list("customer_id", "risk")[:BLOCK])
        keys = block["customer_id"]
        if not len(keys):
            return
        risks.update(zip(keys.tolist(), block["risk"].tolist(), strict=True))
        yield keys
        after = int(keys[-1])


def _people(campaign: Campaign, most: int | None, seed: int) -> pd.DataFrame:
    """``customer``, ``treated`` and ``propensity`` of the recipients that still exist, by key; a sample of
    ``most`` where there are more."""
    rows = Recipient.objects.filter(campaign=campaign).order_by("customer_id")
    found = bulk.read_frame(rows.values_list("customer_id", "arm"))
    frame = pd.DataFrame(
        {
            KEY: pd.to_numeric(found["customer_id"]).to_numpy(dtype="int64"),
            "treated": found["arm"].isin(_TREATED).to_numpy(dtype=bool),
        }
    )
    share = 1 - campaign.holdout
    if most is not None and len(frame) > most:
        taken, shares = [], []
        alone = int((~frame["treated"]).sum())
        for is_treated in (False, True):
            inside = np.flatnonzero(frame["treated"].to_numpy() == is_treated)
            room = min(alone, most // 2) if not is_treated else most - min(alone, most // 2)
            rng = np.random.default_rng([seed, campaign.pk, int(is_treated)])
            some = inside if len(inside) <= room else rng.choice(inside, room, replace=False)
            taken.append(some)
            shares.append(len(some) / max(len(inside), 1))
        frame = frame.iloc[np.sort(np.concatenate(taken))].reset_index(drop=True)
        share = share * shares[1] / (share * shares[1] + (1 - share) * shares[0])
    return frame.assign(propensity=share)
