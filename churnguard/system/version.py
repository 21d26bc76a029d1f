"""The version of ChurnGuard, as CHANGELOG.md counts."""

VERSION = "0.1.0"
