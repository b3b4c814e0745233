"""The pure core: states, rules, money, books. No files, no clock, no network."""
