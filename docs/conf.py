"""Settings of the site; `make docs` builds it into docs/_build/html, without the network."""

import gc
import io
import re

import matplotlib
from docutils.nodes import SkipNode, math_block
from matplotlib.mathtext import math_to_image

import sklearn_softloss

gc.set_threshold(50_000, 20, 20)  # Sphinx keeps most of what it makes: 102 s become 96

project = "sklearn_softloss"
author = "The sklearn_softloss developers"
copyright = author
release = version = sklearn_softloss.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
# `name` in a docstring links to that name where it is public, and is plain code where it is not.
default_role = "py:obj"

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings name the types
autodoc_member_order = "groupwise"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the template of a class lists them
numpydoc_class_members_toctree = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[\\/]plot_",
    "ignore_pattern": r"(quickstart|serve|track_training|train_in_processes)\.py",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_softloss",),
    "remove_config_comments": True,
    "show_memory": False,
    "thumbnail_size": (640, 400),
    "download_all_examples": False,
    "only_warn_on_example_error": True,  # a warning is an error in `make docs`
    "write_computation_times": False,
    "capture_repr": (),  # figures and prints, no "<Legend object>"
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_math_renderer = "mathtext"
html_theme = "pydata_sphinx_theme"
html_title = "sklearn_softloss"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["custom.css"]
html_copy_source = False
html_use_index = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {
    name: [] for name in ("index", "install", "quickstart", "changelog", "contributing")
}


def skip_member(app, what, name, obj, skip, options):
    """Leave out scikit-learn's metadata requests, which every estimator has alike."""
    return True if re.fullmatch(r"set_\w+_request|get_metadata_routing", name) else None


def draw_formula(translator, node):
    """Write a formula as SVG; MathJax would be fetched by the reader's browser."""
    formula = node.astext().replace("\n", " ")
    for latex, mathtext in ((r"\le ", r"\leq "), (r"\Big", "")):  # what matplotlib lacks
        formula = formula.replace(latex, mathtext)
    file = io.StringIO()
    style = {"savefig.facecolor": "none", "mathtext.fontset": "cm", "font.size": 13}
    with matplotlib.rc_context(style):
        depth = math_to_image(f"${formula}$", file, format="svg")
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    tag = "p" if isinstance(node, math_block) else "span"
    place = f"vertical-align: {-depth:.1f}pt"
    translator.body.append(f'<{tag} class="formula" style="{place}">{svg}</{tag}>')
    raise SkipNode


def setup(app):
    """Called by Sphinx."""
    app.add_html_math_renderer("mathtext", (draw_formula, None), (draw_formula, None))
    app.connect("autodoc-skip-member", skip_member)
