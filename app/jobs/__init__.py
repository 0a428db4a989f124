"""Jobs: each looks for what is due in our own tables, so that a missed, doubled or late run changes nothing."""
