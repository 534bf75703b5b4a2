"""What a person or a program sees. It only reads, and never imports Beam or `pipelines`.

`answers/`   typed results with `to_json`, from the store and the network model: one module per question.
`terminal/`  the same answers in a terminal: one module per answer.

Another interface (a web page, an MCP tool) would be a package next to `terminal/` that shows the same answers.
"""
