"""What more than one rig is built of."""
