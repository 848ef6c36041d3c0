"""Settings of Sphinx for the documentation site; `scripts/docs` builds it."""

import mien

project = "mien"
author = "The mien authors"
project_copyright = "The mien authors, Apache-2.0"
release = mien.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/index"
# The root of the checkout is the source folder: pages link to README, QUALITY and the others beside docs/.
include_patterns = ["*.md", "docs/*.md", "docs/*.rst"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_heading_anchors = 3
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
nitpicky = False
html_theme = "alabaster"
html_theme_options = {"description": "One-photo face swapping, always labelled", "page_width": "1100px"}
