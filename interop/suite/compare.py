"""compare.py SUITE DIRECT BEHIND TABLE [AGAIN]: what tests did against Kafka itself and behind klamm.

DIRECT and BEHIND are outputs of test2json; of a test that was run twice the second time
counts. With AGAIN, tests that did not end as they should are no verdict: that file gets
a regular expression of them, unless they are too many for chance. Each test that passes directly passes behind
klamm, or it stands in the TABLE with both outcomes, words that it said behind klamm, and
the reason; what stands there must be so. Of the others nearly all have to pass directly:
what does not says nothing about klamm.
"""

import collections
import json
import pathlib
import sys

NOT_RUN = ("not run", "")


def outcomes(path):
    """Test -> (pass, fail or skip, all it said)."""
    said, ended, over = collections.defaultdict(str), {}, set()
    for line in pathlib.Path(path).read_text(errors="replace").splitlines():
        if not line.startswith("{"):
            continue  # a client's log, which goes to standard error
        event = json.loads(line)
        test = event.get("Test")
        if test is None:
            continue
        if event["Action"] == "run" and test in over:
            said[test] = ""
        said[test] += event.get("Output", "")
        if event["Action"] in ("pass", "fail", "skip"):
            ended[test] = event["Action"]
            over.add(test)
    outcome = {test: ended.get(test, "never ended") for test in said}
    # A test that holds others fails with any of them, which is told once.
    blamed = {holder for test in said if outcome[test] != "pass" for holder in holders(test)}
    return {test: (outcome[test], said[test]) for test in said if test not in blamed or outcome[test] == "pass"}


def holders(test):
    """a and a/b of a/b/c."""
    return [test[:at] for at, letter in enumerate(test) if letter == "/"]


def rows(suite, table):
    """Test -> (directly, behind, words)."""
    found = {}
    for line in pathlib.Path(table).read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        of, test, directly, behind, words, reason = (cell.strip() for cell in line.split("|"))
        if not reason:
            sys.exit(f"compare.py: {test} has no reason")
        if of == suite:
            found[test] = (directly, behind, words)
    return found


MOST_BY_CHANCE = 20


def main(suite, direct, behind, table, again=None):
    direct, behind, expected = outcomes(direct), outcomes(behind), rows(suite, table)
    names = direct.keys() | behind.keys() | expected.keys()
    faults, kept, tops = [], collections.defaultdict(list), set()
    for test in sorted(names):
        here, (there, said) = direct.get(test, NOT_RUN)[0], behind.get(test, NOT_RUN)
        want_here, want_there, words = expected.get(test, ("pass", "pass", ""))
        unlike = (here, there) != (want_here, want_there) or words not in said
        if unlike and (test in expected or here == "pass"):
            tops.add(test.partition("/")[0])
            faults.append(f"{test}: {here} directly, {there} behind klamm, expected {want_here} and {want_there} {words}\n{said}")
        kept[here, there].append(test)
    if again and 0 < len(tops) <= MOST_BY_CHANCE:
        pathlib.Path(again).write_text(f"^({'|'.join(sorted(tops))})$")
        print(f"figure: once more, alone: {', '.join(sorted(tops))}")
        return
    print(f"figure: {suite} {len(kept.pop(('pass', 'pass'), []))} passed")
    for (here, there), tests in sorted(kept.items()):
        print(f"figure: {len(tests)} {here} directly and {there} behind klamm ({', '.join(t.rpartition('/')[2] for t in tests)})")
    print(f"figure: {len(faults)} unexplained")
    passing = sum(here == "pass" for here, _ in direct.values())
    if passing < 0.8 * len(names):
        faults.append(f"only {passing} of {len(names)} pass directly: there is nothing to compare with")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(f"usage: {__doc__.splitlines()[0]}")
    main(*sys.argv[1:])
