"""One file a page; each page is a plain function from what was asked to an answer."""
