"""The reference of command lines, made of the help of the programs themselves."""

from typing import Any

from docs.extensions.programs import PROGRAMS, command_of, exists


def command_reference(group: str) -> str:
    """Give a section a program of a group (`daily`, `stages`, `benchmarks`), in Markdown."""
    return "\n\n".join(_program(name) for name in PROGRAMS[group] if exists(name))


def _program(module: str) -> str:
    command = command_of(module)
    context = command.context_class(command, info_name=module)
    lines = [f"## {module}", _described(command, context, module)]
    if hasattr(command, "list_commands"):
        lines = [lines[0], command.help]
        for name in command.list_commands(context):
            lines += [
                f"### {module} {name}",
                _described(command.get_command(context, name), context, f"{module} {name}"),
            ]
    return "\n\n".join(lines)


def _described(command: Any, context: Any, words: str) -> str:
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [command.help or "", f"```sh\n.venv/bin/python -m {words} {usage}\n```"]
    records = [each.get_help_record(context) for each in command.params]
    rows = [f"| `{_cell(names)}` | {_cell(text)} |" for names, text in filter(None, records)]
    if rows:
        parts.append("\n".join(["| argument or option | |", "| --- | --- |", *rows]))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
