"""Reads YAML documents and writes them as JSON, in the protocol of `tests/yamlread`.

The argument names the library and how it is used:

- `pyyaml-c`: PyYAML on libyaml, the C library that most languages wrap; YAML 1.1
- `pyyaml-python`: PyYAML's own parser; YAML 1.1
- `ruamel-1.1`, `ruamel-1.2`: ruamel.yaml's own parser
"""

import json
import sys


def loader(name):
    library, kind = name.split("-")
    if library == "pyyaml":
        import yaml

        chosen = yaml.CSafeLoader if kind == "c" else yaml.SafeLoader
        return lambda text: yaml.load(text, Loader=chosen)
    from ruamel.yaml import YAML

    def load(text):
        reader = YAML(typ="safe", pure=True)
        reader.version = kind
        return reader.load(text)

    return load


def checked(value):
    """The value, if JSON says the same; what JSON would silently turn into text is an error."""
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                raise TypeError(f"the key {key!r} is a {type(key).__name__}")
        return {key: checked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [checked(inner) for inner in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"the value {value!r} is a {type(value).__name__}")


def main():
    load = loader(sys.argv[1])
    sys.setrecursionlimit(20_000)
    while header := sys.stdin.buffer.readline():
        document = sys.stdin.buffer.read(int(header) + 1)[:-1]
        try:
            value = checked(load(document.decode("utf-8")))
            line = json.dumps(value, allow_nan=False, separators=(",", ":"))
        except Exception as error:  # every reason a library has is an answer here
            line = "!error " + (str(error) or type(error).__name__).replace("\n", " ")
        sys.stdout.write(line + "\n")


main()
