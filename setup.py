"""Packaging. Beam ships this project to its workers with `--setup_file ./setup.py`."""

from setuptools import find_packages, setup

RUN = [
    "apache-beam==2.77.*",
    "boto3>=1.40",
    "chdb>=4.4",
    "clickhouse-connect>=1.12",
    "fastavro>=1.10",
    "isal>=1.7",
    "jinja2>=3.1",
    "numba>=0.60",
    "numpy>=2",
    "obstore>=0.9",
    "prometheus-client>=0.22",
    "pyarrow>=18",
    "pydantic-settings>=2.8",
    "rich>=13",
    "stamina>=25",
    "starlette>=1.0",
    "typer>=0.15",
    "urllib3>=2",
    "uvicorn>=0.40",
]
DEMO = ["moto[server]>=5.2", "awscli>=1.42"]
NOTIFY = ["apprise>=1.9"]
MCP = ["mcp>=2.3"]
DASK = ["dask>=2024.4.2", "distributed>=2024.4.2"]
TEST = [
    *DEMO,
    *DASK,
    *MCP,
    *NOTIFY,
    "axe-playwright-python",
    "boto3-stubs[ec2,s3]",
    "cfn-lint",
    "codespell>=2.3",
    "flowlogs-reader",
    "hypothesis",
    "import-linter>=2.16",
    "mypy>=1.15",
    "playwright>=1.60",
    "pyarrow-stubs",
    "pytest>=8",
    "pytest-xdist",
    "pyyaml",
    "ruff>=0.9",
    "setuptools>=77",
    "testcontainers",
]

PACKAGES = ("schemas", "network", "connectors", "pipelines", "console", "cli", "simulation")

setup(
    name="flowtrail",
    version="0.1.0",
    description="What stopped this traffic, who changed it, when, and how to put it back: from your own AWS logs",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=[f"{name}{rest}" for name in PACKAGES for rest in ("", ".*")]),
    package_data={
        **{name: ["py.typed"] for name in PACKAGES},
        "schemas": ["py.typed", "ddl/*.sql"],
        "console": ["py.typed", "answers/queries/*.sql", "web/templates/*.html", "web/static/*"],
        "pipelines": ["py.typed", "correlate/queries/*.sql"],
    },
    install_requires=RUN,
    extras_require={"dask": DASK, "demo": DEMO, "mcp": MCP, "notify": NOTIFY, "test": TEST},
    entry_points={"console_scripts": ["flowtrail=cli:main"]},
)
