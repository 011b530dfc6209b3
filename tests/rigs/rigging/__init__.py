"""What more than one rig, or folder of tests, is built of."""
