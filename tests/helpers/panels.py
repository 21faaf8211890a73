"""Do to a panel what its page does, and read what it was told."""


def send(panel, kind, /, **content):
    """Hand a panel a message from its page."""
    panel._handle_custom_msg({"type": kind, **content}, [])


def told(panel, kind):
    """Return what the page was told last, without the type."""
    content, _ = panel.told[kind]
    return {name: value for name, value in content.items() if name != "type"}
