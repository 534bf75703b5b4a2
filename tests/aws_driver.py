"""`python -m tests.aws_driver ec2 ...`: what the executable `aws` runs, by a driver that has loaded EC2's model already
where this module is imported before the process is forked (`tests.forked`)."""

import contextlib
import io
import os
import sys
from unittest import mock

from awscli.clidriver import create_clidriver

with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1"}), contextlib.redirect_stdout(io.StringIO()):
    driver = create_clidriver()
    # Nothing is called: it only shows the form of the answer.
    driver.main(["ec2", "describe-vpcs", "--generate-cli-skeleton", "output"])

if __name__ == "__main__":
    sys.exit(driver.main(sys.argv[1:]))
