"""``sstpl completion``: scripts that complete commands and options in shells, made from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from sstpl.cli import _options as arguments

_BASH = """\
_sstpl() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{commands}"
  else
    case "${{COMP_WORDS[1]}} $previous" in
{values}
      *) case "${{COMP_WORDS[1]}} $current" in
{options}
      esac ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _sstpl sstpl
"""
_ZSH = "#compdef sstpl\nautoload -U +X bashcompinit && bashcompinit\n"  # zsh runs the script of bash


def add(commands: Any) -> None:
    """Add the command."""
    parser = arguments.add_command(
        commands,
        "completion",
        "print a script that completes commands and options in your shell",
        """
sstpl completion bash > ~/.local/share/bash-completion/completions/sstpl
echo 'eval "$(sstpl completion zsh)"' >> ~/.zshrc
sstpl completion fish > ~/.config/fish/completions/sstpl.fish
""",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the script."""
    from sstpl.cli import parser  # which imports this

    commands = _commands(parser())
    if options.shell == "fish":
        print("\n".join(_fish(commands)))
    else:
        print((_ZSH if options.shell == "zsh" else "") + _bash(commands), end="")


def _commands(whole: argparse.ArgumentParser) -> dict[str, tuple[str, list[argparse.Action]]]:
    """Return what every command is for, and its arguments."""
    found = next(action for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    summaries = {choice.dest: choice.help or "" for choice in found._choices_actions}
    return {name: (summaries[name], parser._actions) for name, parser in found.choices.items()}


def _bash(commands: dict[str, tuple[str, list[argparse.Action]]]) -> str:
    values, options = [], []
    for name, (_, actions) in commands.items():
        for action in actions:
            if action.choices:
                for before in action.option_strings or [name]:
                    values.append(f'      "{name} {before}") words="{" ".join(action.choices)}" ;;')
        flags = [flag for action in actions for flag in action.option_strings]
        options.append(f'        "{name} -"*) words="{" ".join(flags)}" ;;')
    return _BASH.format(commands=" ".join(commands), values="\n".join(values), options="\n".join(options))


def _fish(commands: dict[str, tuple[str, list[argparse.Action]]]) -> Iterator[str]:
    for name, (summary, actions) in commands.items():
        yield f"complete -c sstpl -n __fish_use_subcommand -f -a {name} -d {_quoted(summary)}"
        for action in actions:
            parts = [f"complete -c sstpl -n '__fish_seen_subcommand_from {name}'"]
            for flag in action.option_strings:
                parts.append(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}")
            if action.choices:
                parts.append(f"-{'x' if action.option_strings else 'f'}a {_quoted(' '.join(action.choices))}")
            elif action.option_strings and action.nargs != 0:
                parts.append("-r")
            if len(parts) > 1:
                yield " ".join([*parts, f"-d {_quoted((action.help or '').replace('%%', '%'))}"])


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
