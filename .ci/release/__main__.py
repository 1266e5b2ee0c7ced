"""``python .ci/release``: versions in step, packages built, tried and described. Run it in the root of the tree."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# The modules here are those of the package `release`; by themselves their names would hide others.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import yaml  # noqa: E402

from release import conda, metadata, notes, trial, versions, wheels  # noqa: E402
from release.errors import ReleaseError  # noqa: E402
from release.projects import projects  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "all": "everything below but `version`, in this order (the default)",
    "check": "that versions are in step and CHANGELOG.md has a section; of a tag also that it is dated",
    "build": "sdists and wheels of all packages, with their metadata checked",
    "try": "the wheels in an environment of their own, outside of the tree",
    "notes": "release notes from CHANGELOG.md, NOTES.md beside the packages",
    "conda": "a draft of a conda recipe, conda/recipe.yaml beside the packages",
    "version": "write another version wherever one is stated",
}


def say(line: str) -> None:
    """Tell what was done, at once."""
    print(line, flush=True)


def check(tag: str | None) -> str:
    """Return the version on which all places agree, with a section in CHANGELOG.md; of a tag that is dated."""
    version = versions.check(ROOT)
    date, _ = notes.section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if tag is not None and tag != f"v{version}":
        raise ReleaseError(f"the tag {tag} is not v{version}, the version of pyproject.toml")
    if tag is not None and date == "unreleased":
        raise ReleaseError(
            f"CHANGELOG.md calls {version} unreleased: write its date, such as `## {version} (2026-01-31)`"
        )
    say(f"versions: {len(versions.statements(ROOT))} places agree on {version} ({date})")
    return version


def change(version: str) -> None:
    """Write another version wherever one is stated, CHANGELOG.md included."""
    changed = versions.bump(ROOT, version)
    path = ROOT / "CHANGELOG.md"
    text = path.read_text(encoding="utf-8")
    if (new := notes.new_section(text, version)) != text:
        path.write_text(new, encoding="utf-8")
        changed.append(path)
    for each in changed:
        say(f"changed {each.relative_to(ROOT)}")
    check(None)


def build(out: Path) -> None:
    """Make sdists and wheels of all packages, and check what they say of themselves."""
    made = wheels.build(projects(ROOT), out, say)
    links = metadata.check_metadata(made, projects(ROOT))
    say(f"metadata: {len(made)} packages are fit for an index")
    if links:
        say(f"remark: {links} links of descriptions lead into the tree, and nowhere on an index")


def write_notes(out: Path, version: str) -> None:
    """Write the release notes beside the packages."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    path = out / "NOTES.md"
    path.write_text(notes.notes(changelog, version, wheels.packages_in(out, projects(ROOT))), encoding="utf-8")
    say(f"notes: {path}")


def write_conda(out: Path, version: str) -> None:
    """Write the draft of a conda recipe beside the packages."""
    found = {project.name: out / f"{project.package}-{version}.tar.gz" for project in projects(ROOT)}
    if missing := [path.name for path in found.values() if not path.is_file()]:
        raise ReleaseError(f"{out} lacks {missing[0]}: `python .ci/release build` makes it")
    path = out / "conda" / "recipe.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(conda.recipe(projects(ROOT), found), sort_keys=False, allow_unicode=True, width=120)
    path.write_text(
        "# A draft: put addresses in place of the paths of sources, and add maintainers.\n" + text, encoding="utf-8"
    )
    say(f"conda: {path}")


def main() -> int:
    """Carry out the command line; the exit code."""
    listing = "\n".join(f"  {name:8} {what}" for name, what in COMMANDS.items())
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python .ci/release", description=f"{__doc__}\n\n{listing}", formatter_class=form)
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="all", metavar="COMMAND")
    parser.add_argument("version", nargs="?", metavar="VERSION", help="of the command `version`, such as 0.3.0")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder of packages (default: dist)")
    parser.add_argument("--tag", help="the tag of this release, such as v0.3.0: it must be that of the version")
    parser.add_argument("--python", default=sys.executable, help="the Python of the trial (default: this one)")
    parser.add_argument("--newest", action="store_true", help="try with the newest of everything, not constraints.txt")
    given = parser.parse_args()
    if (given.command == "version") != (given.version is not None):
        parser.error("`version` takes a VERSION, and nothing else does")
    try:
        if given.command == "version":
            change(given.version)
            return 0
        version = check(given.tag)
        everything = given.command == "all"
        if everything or given.command == "build":
            build(given.out)
        if everything or given.command == "try":
            made = wheels.packages_in(given.out, projects(ROOT))
            constraints = None if given.newest else ROOT / "constraints.txt"
            trial.trial(made, projects(ROOT), constraints, say, given.python)
        if everything or given.command == "notes":
            write_notes(given.out, version)
        if everything or given.command == "conda":
            write_conda(given.out, version)
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
