"""pasted.py LAB_LOG DIR: what `klamm lab` printed to be pasted, taken as it stands.

Writes DIR/librdkafka.properties, DIR/java.properties, DIR/java.env (the URL
that Java wants allowed) and DIR/curl (a command on each line).
"""

import pathlib
import re
import sys


def blocks(text):
    """Title -> the indented lines below it, without their indentation."""
    found = re.findall(r"^(\S[^\n]*)\n((?:  \S[^\n]*\n)+)", text, re.MULTILINE)
    return {title: re.sub("^  ", "", body, flags=re.MULTILINE) for title, body in found}


def main(log, directory):
    directory = pathlib.Path(directory)
    found = blocks(pathlib.Path(log).read_text())
    for tool, suffix in (("librdkafka", ".properties"), ("Java", ".properties"), ("curl", "")):
        titles = [title for title in found if title.startswith(tool)]
        if len(titles) != 1:
            sys.exit(f"pasted.py: {len(titles)} blocks for {tool} in {log}")
        directory.joinpath(tool.lower() + suffix).write_text(found[titles[0]])
    (title,) = [title for title in found if title.startswith("Java")]
    (url,) = re.findall(r"-Dorg\.apache\.kafka\.sasl\.oauthbearer\.allowed\.urls=([^\s)]+)", title)
    directory.joinpath("java.env").write_text(f"JAVA_ALLOWED_URLS={url}\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {__doc__.splitlines()[0]}")
    main(*sys.argv[1:])
