"""pasted.py LAB_LOG DIR: what `klamm lab` printed to be pasted, taken as it stands.

Makes DIR with librdkafka.properties, java.properties, java.env (the URL that Java
wants allowed), curl (a command on each line) and app-service.env (for Azure's SDKs).
"""

import pathlib
import re
import sys


FILES = {"^librdkafka": "librdkafka.properties", "^Java": "java.properties", "^curl": "curl", "App Service": "app-service.env"}


def blocks(text):
    """Title -> the indented lines below it, without their indentation."""
    found = re.findall(r"^(\S[^\n]*)\n((?:  \S[^\n]*\n)+)", text, re.MULTILINE)
    return {title: re.sub("^  ", "", body, flags=re.MULTILINE) for title, body in found}


def main(log, directory):
    directory = pathlib.Path(directory)
    directory.mkdir(exist_ok=True)
    found = blocks(pathlib.Path(log).read_text())
    titles = {}
    for words, name in FILES.items():
        matching = [title for title in found if re.search(words, title)]
        if len(matching) != 1:
            sys.exit(f"pasted.py: {len(matching)} blocks with {words} in {log}")
        titles[name] = matching[0]
        directory.joinpath(name).write_text(found[matching[0]])
    title = titles["java.properties"]
    (url,) = re.findall(r"-Dorg\.apache\.kafka\.sasl\.oauthbearer\.allowed\.urls=([^\s)]+)", title)
    directory.joinpath("java.env").write_text(f"JAVA_ALLOWED_URLS={url}\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {__doc__.splitlines()[0]}")
    main(*sys.argv[1:])
