"""`workbench completion`: a script that makes a shell complete commands and options, made from the parsers."""

from __future__ import annotations

import argparse

from workbench.cli.main import COMMANDS, parser_of

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which shell."""
    parser.epilog = (
        "bash: workbench completion bash > ~/.local/share/bash-completion/completions/workbench"
        "   zsh: workbench completion zsh > a file _workbench in your fpath"
        "   fish: workbench completion fish > ~/.config/fish/completions/workbench.fish"
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell]())
    return 0


def options_of(name: str) -> list[str]:
    """Return the long options of a command."""
    return [word for action in parser_of(name)._actions for word in action.option_strings if word.startswith("--")]


def _bash() -> str:
    cases = "\n".join(f'    {name}) words="{" ".join(options_of(name))}" ;;' for name in COMMANDS)
    return f"""_workbench() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" words="{" ".join(COMMANDS)} --help --version"
  if [ "$COMP_CWORD" -gt 1 ]; then
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _workbench workbench wb"""


def _zsh() -> str:
    lines = "\n".join(f"    '{name}:{_quoted(summary)}'" for name, (_, summary) in COMMANDS.items())
    cases = "\n".join(f"      {name}) compadd -- {' '.join(options_of(name))} ;;" for name in COMMANDS)
    return f"""#compdef workbench wb
_workbench() {{
  local -a commands=(
{lines}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
  else
    case $words[2] in
{cases}
    esac
    _files
  fi
}}
compdef _workbench workbench wb"""


def _fish() -> str:
    lines = []
    for name, (_, summary) in COMMANDS.items():
        lines.append(f"complete -c workbench -n __fish_use_subcommand -a {name} -d '{_quoted(summary)}'")
        lines += [
            f"complete -c workbench -n '__fish_seen_subcommand_from {name}' -l {word.removeprefix('--')}"
            for word in options_of(name)
        ]
    return "\n".join(lines)


def _quoted(summary: str) -> str:
    return summary.replace("'", "’").replace(":", " -")
