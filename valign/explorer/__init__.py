"""The explorer: a local web page on which levers are moved and ensembles answer (`valign explore`)."""
