"""The operators' page: server-rendered, whole without a script, no address outside.

`app` puts it together, `guard` knows who asks and whether the form is ours, `page` renders, `pages`
has a file for each page. Decisions are the desk's: a page only calls it.
"""
