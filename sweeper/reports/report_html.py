"""The report as a page for a browser."""

import base64
import html
import re
from pathlib import Path


def to_html(text: str, title: str) -> str:
    """The markdown `text` as a page of its own; images stay beside it."""
    return PAGE.format(title=html.escape(title), style=STYLE, body=body_of(text))


def body_of(text: str) -> str:
    """The markdown `text` as a part of a page; images stay beside it.

    Names, reasons and errors in it come from anywhere: `markdown_text` makes them text, and whatever a
    browser could run, or fetch from elsewhere, is taken out once more.
    """
    import markdown
    import nh3

    found = markdown.markdown(
        text,
        extensions=["tables", "fenced_code", "sane_lists"],
        extension_configs={"tables": {"use_align_attribute": True}},  # nh3 lets no style through
    )
    return str(nh3.clean(found, url_schemes=set()))


def self_contained(page: str, folder: Path) -> str:
    """`page` with its images, which lie in `folder`, inside: for viewers that show one file only."""

    def inside(found: re.Match[str]) -> str:
        image = folder / found[1]
        if not image.is_file():
            return found[0]
        return f'src="data:image/png;base64,{base64.b64encode(image.read_bytes()).decode()}"'

    return re.sub(r'src="([^":]+\.png)"', inside, page)


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2430; max-width: 66rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; white-space: pre-wrap; }
h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #d8dce4; }
blockquote { margin: 1rem 0; padding: .8rem 1.1rem; background: #eef3fb; border-left: 4px solid #2b6cb0; }
blockquote p { margin: 0; font-size: 1.1rem; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums;
  display: block; overflow-x: auto; }
th, td { padding: .3rem .55rem; border-bottom: 1px solid #e3e6ec; white-space: pre; }
th { text-align: left; background: #f6f7f9; }
pre { background: #f6f7f9; padding: .8rem; overflow-x: auto; } code { font-size: .9em; }
img { max-width: 100%; }
"""
