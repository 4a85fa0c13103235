"""The Grafana dashboards, built by code: `python -m stack.dashboards` writes their JSON."""
