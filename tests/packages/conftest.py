"""The packages in here are tested when installed, by ``tests/plugins/test_third_party_package.py``."""

collect_ignore_glob = ["*"]
