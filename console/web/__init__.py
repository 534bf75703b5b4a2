"""The web console: answers as pages. It only reads, and never imports Beam.

`app.py`  the application and its addresses.   `access.py`  who may see it, and the security headers.
`pages.py`  incidents and the state of the store.   `asking.py`  the pages with a form.   `forms.py`  what was typed.
`chart.py`  the picture of an incident.   `export.py`  an incident for a ticket.   `render.py`  templates.
`metrics.py`  what `watch` counts, for Prometheus.
`templates/`  `static/`  ours only: no script or style comes from elsewhere.

To add a page, write a function in `pages.py` or `asking.py`, its template, and one line in `app.py`.
"""
