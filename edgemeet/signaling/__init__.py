"""The VideoSDK wire: the protoo codec, init-config, the room client and the join dialogue."""
