//! Tests of the repository itself; see `tests/`. The library is empty.
