"""AWS services, through boto3's default credential chain unless the settings override it.

`access.py`         profile, region, endpoint and so on: part of every call.
`clients.py`        boto3 sessions and clients.      `errors.py`     their errors, with a remedy.
`s3.py`             list objects, read the exact version that was listed.   `quick_get.py`  small objects, fast.
`ec2.py`            the `describe-*` calls of a snapshot.   `saved_answers.py`  their output read from files.
`typed.py`          an `aws ec2` command as typed, read and never sent.
`identity.py`       which AWS identity is used.
"""
