"""Entries to JSON lines and back: backups, moves between directories, answers written elsewhere."""

from cacheback.transfer.exporting import export_entries
from cacheback.transfer.importing import ImportReport, import_entries
from cacheback.transfer.line import MAX_LINE, read_lines

__all__ = ["MAX_LINE", "ImportReport", "export_entries", "import_entries", "read_lines"]
