"""The same pipelines on every kind of runner, with real clusters: processes of their own, in folders of their own."""
