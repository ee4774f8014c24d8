"""How the simulator is fitted to recorded episodes: states, replays, and the search for the tasks that explain them."""
