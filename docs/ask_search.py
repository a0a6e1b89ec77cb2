"""Types questions into the search of the built site; the right page must be among the first three.

python docs/ask_search.py
"""

from __future__ import annotations

import sys
from urllib.parse import quote

from look_at_pages import BUILT, browser, served

QUESTIONS = {
    "underconfident probabilities": ("faq", "guide/calibration"),
    "overconfident predictions": ("faq", "guide/calibration"),
    "save model": ("guide/saving", "faq"),
    "serve without torch": ("guide/saving", "faq"),
    "grid search on a cluster": ("guide/larger_than_one_fit", "faq"),
    "tfidf text default": ("guide/automatic", "faq"),
    "do I need to scale features": ("faq", "guide/automatic"),
    "categorical features": ("guide/columns", "faq"),
    "missing values": ("guide/columns", "faq", "guide/missing_labels"),
    "one hot encoding": ("guide/columns", "faq"),
    "catboost": ("guide/coming_from",),
    "piecewise linear encoding": ("guide/columns", "guide/coming_from"),
    "csv of annotations": ("faq", "guide/annotators"),
    "loss does not decrease": ("faq",),
    "missing labels": ("guide/missing_labels", "faq"),
    "rare labels threshold": ("guide/decisions", "faq"),
    "soft labels cross validation": ("faq", "guide/larger_than_one_fit"),
    "label smoothing": ("guide/probabilities", "guide/targets"),
    "custom pytorch module": ("guide/custom_nets", "faq"),
    "class weights imbalanced": ("faq", "guide/probabilities"),
    "early stopping validation data": ("faq", "guide/coming_from"),
    "quantile regression": ("guide/regression",),
    "out of memory": ("faq", "guide/large_data"),
    "different results every run": ("faq",),
    "use gpu": ("guide/gpu", "faq"),
    "keras": ("guide/coming_from",),
    "multilabel accuracy 99": ("guide/multilabel_pitfalls", "faq"),
    "reproducible random seed": ("faq", "guide/inside"),
    "onnx": ("guide/saving",),
    "too slow": ("faq",),
    "small dataset": ("faq", "guide/automatic"),
    "crowd labels": ("faq", "guide/annotators"),
    "hyperparameter tuning optuna": ("faq", "guide/larger_than_one_fit"),
    "sample weights": ("faq", "guide/missing_labels"),
    "feature importance": ("faq",),
    "spammer annotators": ("guide/annotators",),
    "y refused unknown label type": ("faq",),
    "semi supervised few labels": ("guide/semi_supervised",),
    "inter annotator agreement": ("guide/annotators",),
    "example dataset": ("api/datasets",),
}
"""What a stranger types, and the pages that answer it."""

FIRST = 3


def main() -> int:
    n_missed = 0
    with served(BUILT) as site, browser() as opened:
        page = opened.new_page()
        for question, wanted in QUESTIONS.items():
            page.goto(f"{site}/search.html?q={quote(question)}")
            page.wait_for_selector("#search-results p.search-summary", state="visible")
            page.wait_for_function(
                "() => /found|Found|did not match/.test("
                "document.querySelector('#search-results p.search-summary').innerText)"
            )
            links = page.eval_on_selector_all(
                "#search-results ul.search > li > a", "found => found.map(a => a.pathname)"
            )
            found = [link.strip("/").removesuffix(".html") for link in links]
            if not set(found[:FIRST]) & set(wanted):
                n_missed += 1
                print(f"{question!r}: wanted {' or '.join(wanted)}, found {found[:6]}")
    print(f"{len(QUESTIONS)} questions, {n_missed} without the right page among the first {FIRST}")
    return int(n_missed > 0)


if __name__ == "__main__":
    sys.exit(main())
