"""Make buckets in an S3 store where they are missing: `python make_buckets.py BUCKET...`.

The store is the one of `AWS_ENDPOINT_URL_S3`, the credentials those of other AWS programs.
"""

import logging
import sys
from collections.abc import Sequence

import boto3  # type: ignore[import-untyped]

log = logging.getLogger("make_buckets")


def make_buckets(names: Sequence[str]) -> list[str]:
    """Make the buckets that the store lacks and give their names.

    Raises:
        botocore.exceptions.ClientError: the store refuses, or another account has a bucket of that name.
        botocore.exceptions.EndpointConnectionError: the store does not answer.
    """
    store = boto3.client("s3")
    existing = {bucket["Name"] for bucket in store.list_buckets()["Buckets"]}
    missing = [name for name in names if name not in existing]
    for name in missing:
        store.create_bucket(Bucket=name)
    return missing


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if len(sys.argv) < 2:
        raise SystemExit("usage: python make_buckets.py BUCKET...")
    log.info("made the buckets %s", make_buckets(sys.argv[1:]))
