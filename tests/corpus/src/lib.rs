//! Replays the committed fuzzing corpus; see `tests/`. The library is empty.
