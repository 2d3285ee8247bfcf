"""Reads YAML documents and writes them as JSON, in the protocol of `tests/yamlread`.

The argument names the library: `pyyaml` (YAML 1.1) or `ruamel` (YAML 1.2).
"""

import json
import sys


def loader(name):
    if name == "pyyaml":
        import yaml

        return lambda text: yaml.load(text, Loader=yaml.SafeLoader)
    from ruamel.yaml import YAML

    return lambda text: YAML(typ="safe", pure=True).load(text)


def checked(value):
    """The value, if JSON says the same; what JSON would silently turn into text is an error."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
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
            line = json.dumps(checked(load(document.decode("utf-8"))), allow_nan=False)
        except Exception as error:  # every reason a library has is an answer here
            line = "!error " + (str(error) or type(error).__name__).replace("\n", " ")
        sys.stdout.write(line + "\n")


main()
