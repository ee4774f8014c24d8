"""What of this machine robotmeta can use, and the line that installs what is missing."""
