"""What a playbook can change: registered actions, each with risk, undo and a dry run."""
