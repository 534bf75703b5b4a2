"""Where news of incidents goes.

`channel.py`  what a channel is.   `named.py`  the channel that a setting names.
`console.py`  standard output.   `webhook.py`  a signed HTTP request.   `sns.py`  an Amazon SNS topic.
`other.py`  Slack, Teams, PagerDuty, e-mail and others, by Apprise.
"""
