"""The dashboards of Grafana, built in Python: one module for each, `python -m stack.dashboards`.

A dashboard module has one function, `page`, that answers a `board.Page`: rows of panels. The
panels come from `panels`, their queries from `promql`, `logql` and `targets`, their units from
`units`, their colours from `levels`, and their links from `links`.
"""
