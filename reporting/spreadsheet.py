"""Text in cells of spreadsheets."""


def harmless(text: str) -> str:
    """With an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
