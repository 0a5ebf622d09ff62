"""valign beside other tools on tasks that they share: see README.md here."""
