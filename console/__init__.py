"""What a person or a program sees. It only reads, and never imports Beam or `pipelines`.

`answers/`   typed results with `to_json`, from the store and the network model: one module per question.
`terminal/`  the same answers in a terminal: one module per answer.
`web/`       the same answers as pages.
`mcp_server/`  the same answers as tools for assistants.

Another interface would be a package next to these that shows the same answers.
"""
