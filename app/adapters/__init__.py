"""The outside world behind the ports: the clock, the vault and WeChat. Knows ports and domain, nothing else of ours."""
