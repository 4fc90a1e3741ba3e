"""The reference of a package's modules, made of their docstrings by autodoc."""

import pkgutil
from importlib import import_module


def module_names(package: str) -> list[str]:
    """Name a package and the public modules below it, in order; those of its subpackages follow theirs."""
    names = [package]
    for found in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        if found.name.rpartition(".")[2].startswith("_"):
            continue
        names += module_names(found.name) if found.ispkg else [found.name]
    return names


def shared_names(package: str) -> list[str]:
    """Name the modules that lie in a package itself, not in one of its subpackages."""
    return [
        found.name for found in pkgutil.iter_modules(import_module(package).__path__, f"{package}.") if not found.ispkg
    ]


def module_reference(package: str) -> str:
    """Give a section a module, for Sphinx; `PACKAGE.*` takes the modules of the package itself alone."""
    names = shared_names(package.removesuffix(".*")) if package.endswith(".*") else module_names(package)
    return "\n\n".join(f"## {name}\n\n```{{eval-rst}}\n{_directive(name)}\n```" for name in names)


def _directive(name: str) -> str:
    """Leave out the members of a package: they are those of its modules."""
    is_package = hasattr(import_module(name), "__path__")
    return f".. automodule:: {name}" + ("" if is_package else "\n   :members:")
