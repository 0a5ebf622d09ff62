"""`valign explore`: the page, served from this machine, and the work that the page alone cannot do."""
